SELECT * FROM 'orders.csv'

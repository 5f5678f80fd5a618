SELECT sum(customer) AS c FROM orders

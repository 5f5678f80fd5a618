SELECT uper(customer) AS c FROM orders

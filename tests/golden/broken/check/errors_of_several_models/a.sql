SELECT idd FROM orders

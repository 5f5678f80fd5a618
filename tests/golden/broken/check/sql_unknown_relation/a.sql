SELECT id FROM order

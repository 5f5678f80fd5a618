SELECT id, placed_at - placed_at AS lasted FROM orders

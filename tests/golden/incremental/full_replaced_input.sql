SELECT s, price * 2 AS twice FROM prices

"""From a query to the program that maintains its result from changes. Pure."""

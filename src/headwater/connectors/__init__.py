"""Outside systems, one folder each. Connectors never import each other, engines or formats."""

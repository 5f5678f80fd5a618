"""How data rests: table formats. Formats never import engines or connectors."""

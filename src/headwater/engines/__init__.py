"""Engines that run programs. Each engine is a folder; engines never import each other."""

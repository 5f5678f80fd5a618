"""One module a step; a step never changes once it is released."""

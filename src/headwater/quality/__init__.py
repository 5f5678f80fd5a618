"""From a contract to the checks that admit or refuse rows, and to compatibility. Pure."""

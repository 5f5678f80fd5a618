"""The public kit: conformance suites for plugins, and tools to break a run on purpose."""

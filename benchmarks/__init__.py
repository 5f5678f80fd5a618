"""Speed and memory, measured side by side with peers in one sitting: ``make bench``.

Never part of the tests: a figure is a claim about a machine, a test is a claim about the code.
"""

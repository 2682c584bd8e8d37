"""The command line: one thin command per verb.

``main`` finds the verb and its module; each module adds its arguments, calls the
floors below, prints, and returns the exit code: 0 done, 1 the honest answer is no,
2 bad input, 130 interrupted.
"""

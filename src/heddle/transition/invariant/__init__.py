"""The proof that a transition is safe in every state that parallel execution can reach.

It shares no code with the planners: an import contract keeps them apart.
"""

"""The independent checker: does a deployment keep its promises, and its certificate?

``verifier`` is the entry. Nothing here imports the solvers or the code that cuts GPUs
for them: legality, admissibility and the bound are worked out again from the facts, in
whole numbers and fractions, so that an error there is not repeated here.
"""

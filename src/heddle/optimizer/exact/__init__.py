"""The exact solver: column generation, rounding, dealing.

``solver`` runs the parts in order: ``first_answer`` floors the relaxation and covers
the rest at once; ``column_generation`` finds the best prices; ``rounding`` turns its
fractions into whole GPUs; ``dealing`` gives the instances to GPUs; ``whole_model``
closes the gap of small problems by complete search.
"""

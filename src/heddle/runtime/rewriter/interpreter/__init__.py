"""PTX run on the CPU, instruction by instruction, to prove what the rewriter does.

``program`` turns a kernel into steps over the lanes of a warp, ``grid`` runs its blocks under a
seeded schedule, ``preemption`` stops a rewritten kernel at random instants and resumes it until
every block has run. Shapes must be small: an instruction of one warp takes microseconds. Nothing
here says how fast a GPU would be. The kernels come from ``heddle.runtime.rewriter.corpus``.
"""

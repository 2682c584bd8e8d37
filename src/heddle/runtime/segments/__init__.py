"""The segment device: pieces of Python-callable work as opaque kernels, preempted between them.

A network whose engine cannot be stopped inside is cut into segments; each segment is a kernel of
one block that runs whole. ``device`` carries out what the policy of ``core`` decides, in the
threads that bring the work; ``server.sharing`` gives it to the instances of services that share.
"""

"""What a node does: devices that are cut into instances, and the processes on them.

``agent`` carries out the commands of a controller on the devices of one machine.
"""

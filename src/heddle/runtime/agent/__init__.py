"""The node agent: carries out commands on the devices of a machine, and keeps services up.

``agent`` is the walk; ``book`` what it must not forget; ``answers`` what others ask it;
``driver`` the executor's end.
"""

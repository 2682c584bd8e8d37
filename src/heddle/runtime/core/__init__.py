"""What every device that runs kernels shares: the board, the turns of the dispatcher, policies.

``board`` holds the state in tables, ``turn`` moves it on, ``policies`` say what is next. The same
source runs compiled on real devices and in the simulator.
"""

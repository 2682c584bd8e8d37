"""What every device that runs kernels shares: the board, the turn of the dispatcher, the policies.

``board`` holds the state in arrays, ``turn`` moves it on, ``policies`` say what to do next. The same
source runs compiled on real devices and in the simulator.
"""

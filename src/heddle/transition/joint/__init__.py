"""The joint planner: choose the GPUs so that most instances stay, then order the rest."""

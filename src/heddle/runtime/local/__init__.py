"""The runtime for other processes of the machine: a socket, clients, admission of deadlines."""

"""The cuda device: kernels on an NVIDIA GPU through the driver, by the same core as every device.

``driver`` speaks to the driver, ``plant`` holds what the dispatcher loop (``loop``) needs,
``backend`` puts both together. ``fake_driver`` is a driver in plain memory, so that all of it runs
without a GPU.
"""

"""Pictures as SVG and tables as text, written by hand: no plotting library, no fonts.

Each module draws one thing and returns it as text; ``cli`` prints it or writes it to
a file. The same arguments always give the same bytes. ``plan``, ``gpu_type``,
``compare``, ``scaling``, ``gantt`` and ``day`` draw pictures; ``plan_text``, ``compare``,
``gpu_type`` and ``whatif`` set tables; the rest is what they share.
"""

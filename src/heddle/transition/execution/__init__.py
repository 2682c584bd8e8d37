"""What carrying out a transition is made of; ``transition.executor`` puts it together.

Decisions are pure functions of what the journal says and what is seen: ``issue``,
``observation``, ``turning``. The journal's fold is ``journal_state``.
"""

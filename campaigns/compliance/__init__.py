"""Whether a debtor may be contacted now, by this channel: unknown means no, and every refusal leaves a trace.

rules       the decision, pure        windows    contact hours and the calendar, pure
presets     rules by office kind      gate       loads facts, asks, records      facts  the one query behind it
"""

"""Whether a debtor may be contacted now, by this channel: unknown means no, and every decision leaves a trace.

rules     the decision, pure             caps, wished   counting attempts; times a debtor named, pure
known     what it is made from           windows, days  contact hours and the calendar, pure
policy    the office's rules, pure       documents      the same as JSON; presets: ready to use, from preset_data
gate      asks and records               facts  the one query behind it       locks  one decision about a person at a time
record    decisions before contact       sets   decisions about a whole set   trace  a decision's inputs as JSON, pure
versions  the stored rules               editing, calendar, wishes            what people change
"""

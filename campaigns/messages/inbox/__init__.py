"""What providers tell us about messages: stored before it is answered, processed after, and processed again whenever wished.

models   the stored reports, and citizens' replies      replies   STOP words, whose reply it is, what follows
keeping  storing many reports in one statement          service   processing, and processing again
"""

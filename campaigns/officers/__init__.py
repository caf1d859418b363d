"""The tax officers' desk: cases handed over to them, and what they ask of the contractor's supervisor.

state  what a case and a request may become    cases  accepting, giving back, deciding    desk  lists, filters, workload
requests  asked by officers, answered by supervisors; never addressed to an operator
"""

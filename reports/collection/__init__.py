"""What the city collects: assessed, received and the rate, and how the listed debts age.

models  the office's monthly totals         totals_file  reading them from CSV
rates   rates against last year's same month ageing       how old open debts are, and how many roll on
"""

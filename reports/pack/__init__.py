"""The strategy meeting's pack (戦略会議資料) of one month.

notes     what people write into it          content   the month's figures, gathered once
document  A4 landscape as PDF (pack.html)    workbook  the same tables as XLSX
"""

"""Every attempt to reach a debtor, and what came of it.

codes     回線結果, 応対者, 交渉結果          rules    which combinations make sense, and what follows (pure)
retry     when to try again (pure)           service  opening and closing attempts, with all that follows
phones    which number to use                effects  numbers, suppressions, escalations
"""

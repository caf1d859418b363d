"""Any provider with an HTTP interface, described by a document: what is sent how, what the answers and reports mean.

document  the TOML document, checked field by field       signing  basic, bearer and HMAC, both ways
sender    fulfils `SmsSender` by a document               hearing  reports and replies by the same document
"""

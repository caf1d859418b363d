"""Debtors, rules and money: decides whom to contact, when and how; never knows how a call is made."""

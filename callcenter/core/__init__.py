"""What every room stands on, without one noun of the domain.

settings    environment and defaults        db        engine, `transaction()`, base classes
queue       jobs that leave after commit    clock     the only source of "now"
errors      one tree, permanent or not      live      events for open consoles
money       whole yen                       phones    Japanese numbers, by `phonenumbers`
eras        令和 and western dates           embedded  PostgreSQL and Valkey out of wheels
text        search keys (NFKC, kana, kanji) logging   structlog, without personal data
"""

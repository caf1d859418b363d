"""Events and facts for anybody to use, without personal data.

tables    what is exported, column by column    protect   keyed names of persons and small cells, pure    export   the files
"""

"""Where the club's files are."""

import qunclub
from qunclub.web.assets import folder
from qunclub.web.i18n import FOLDER

for place in (qunclub.__file__, folder("templates"), folder("static"), folder("migrations"), FOLDER):
    print(place)

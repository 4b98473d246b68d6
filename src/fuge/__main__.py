"""python -m fuge"""

import sys

from fuge.faces.cli import main

sys.exit(main())

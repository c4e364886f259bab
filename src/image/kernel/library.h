/* libjpeg-turbo as both directions use it: whatever it warns of or refuses traps. */
#pragma once
#include <stdio.h>
#include "jpeglib.h"

extern struct jpeg_error_mgr refusals;

/* The contract is a header; SwiftPM wants a C target to have a source. */
#include "swiftopt.h"

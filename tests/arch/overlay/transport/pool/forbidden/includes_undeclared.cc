#include "transport/http1/response_decoder.h"

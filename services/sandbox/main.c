#include "services/sandbox/service.h"

int
main(int argc, char **argv)
{
    return service_main(&sandbox_service, argc, argv);
}

#include "services/office/service.h"

int
main(int argc, char **argv)
{
    return service_main(&office_service, argc, argv);
}

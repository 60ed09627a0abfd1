// SPDX-License-Identifier: MIT
// Front doors of configuration handles. [ndis/nf-ndis-ndisopenconfigurationex] and kin
#include "ndis/config.h"
#include "nt/ex/fault.h"
#include "verify/verify.h"

NTAPI NDIS_STATUS
NdisOpenConfigurationEx(PNDIS_CONFIGURATION_OBJECT ConfigObject, PNDIS_HANDLE ConfigurationHandle)
{
    VERIFY_ENTER(NdisOpenConfigurationEx);
    if (EX_FAULT())
        return NDIS_STATUS_RESOURCES;
    struct ndis_config *config = NULL;
    NDIS_STATUS status = ndis_config_open(ConfigObject, &config);
    *ConfigurationHandle = config;
    return status;
}

NTAPI VOID
NdisOpenConfigurationKeyByName(PNDIS_STATUS Status, NDIS_HANDLE ConfigurationHandle, PNDIS_STRING SubKeyName,
                               PNDIS_HANDLE SubKeyHandle)
{
    VERIFY_ENTER(NdisOpenConfigurationKeyByName);
    struct ndis_config *config = NULL;
    *Status = ndis_config_open_under(ConfigurationHandle, SubKeyName, &config);
    *SubKeyHandle = config;
}

NTAPI VOID
NdisCloseConfiguration(NDIS_HANDLE ConfigurationHandle)
{
    VERIFY_ENTER(NdisCloseConfiguration);
    ndis_config_close(ConfigurationHandle);
}

NTAPI VOID
NdisReadConfiguration(PNDIS_STATUS Status, PNDIS_CONFIGURATION_PARAMETER *ParameterValue, NDIS_HANDLE ConfigurationHandle,
                      PNDIS_STRING Keyword, NDIS_PARAMETER_TYPE ParameterType)
{
    VERIFY_ENTER(NdisReadConfiguration);
    *Status = ndis_config_read(ConfigurationHandle, Keyword, ParameterType, ParameterValue);
}

NTAPI VOID
NdisWriteConfiguration(PNDIS_STATUS Status, NDIS_HANDLE ConfigurationHandle, PNDIS_STRING Keyword,
                       PNDIS_CONFIGURATION_PARAMETER ParameterValue)
{
    VERIFY_ENTER(NdisWriteConfiguration);
    *Status = ndis_config_write(ConfigurationHandle, Keyword, ParameterValue);
}

NTAPI VOID
NdisReadNetworkAddress(PNDIS_STATUS Status, PVOID *NetworkAddress, PUINT NetworkAddressLength, NDIS_HANDLE ConfigurationHandle)
{
    VERIFY_ENTER(NdisReadNetworkAddress);
    *Status = ndis_config_address(ConfigurationHandle, NetworkAddress, NetworkAddressLength);
}

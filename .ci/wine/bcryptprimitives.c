/* Wine before 9 has no bcryptprimitives.dll. Rust's standard library takes its random numbers from there: hash maps need it. */
#include <windows.h>

/* What documented headers call RtlGenRandom; advapi32 has it under this name. */
BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG length);

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T length)
{
    while (length > 0) {
        ULONG part = length > MAXLONG ? MAXLONG : (ULONG)length;
        if (!SystemFunction036(data, part))
            return FALSE;
        data += part;
        length -= part;
    }
    return TRUE;
}

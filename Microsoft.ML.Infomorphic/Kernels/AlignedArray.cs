using System.Runtime.CompilerServices;

namespace Microsoft.ML.Infomorphic.Kernels;

/// <summary>
/// Numbers at a fixed, 64-byte aligned address, so that no vector straddles two cache lines. The garbage collector
/// frees them.
/// </summary>
internal sealed unsafe class AlignedArray<T>
    where T : unmanaged
{
    private const int Alignment = 64;

    // Keeps the memory alive; the collector does not move it.
    private readonly T[] _memory;
    private readonly int _first;

    /// <summary>Allocates zeros.</summary>
    public AlignedArray(int length)
    {
        Length = length;
        _memory = GC.AllocateArray<T>(checked(length + Alignment / sizeof(T)), pinned: true);
        nint start = (nint)Unsafe.AsPointer(ref _memory[0]);
        Pointer = (T*)((start + Alignment - 1) / Alignment * Alignment);
        _first = (int)(Pointer - (T*)start);
    }

    /// <summary>Number of elements.</summary>
    public int Length { get; }

    /// <summary>
    /// The first element; valid as long as this object is reachable, which it is not because its pointer is in use: whoever has no
    /// other use for it afterwards keeps it (<see cref="GC.KeepAlive"/>).
    /// </summary>
    public T* Pointer { get; }

    /// <summary>All elements; the span keeps them alive.</summary>
    public Span<T> Span => _memory.AsSpan(_first, Length);
}

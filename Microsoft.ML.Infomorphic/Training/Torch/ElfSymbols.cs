// The dynamic symbols of a 64-bit little-endian ELF file: "ELF-64 Object File Format"; Linux Standard Base 5.0, "Symbol
// Versioning".

using System.Buffers.Binary;
using System.Text;

namespace Microsoft.ML.Infomorphic.Training.Torch;

/// <summary>What a Linux library gives others, and what it needs of them, found out without loading it.</summary>
/// <param name="Defined">The symbols that it defines.</param>
/// <param name="Needed">
/// The symbols that it needs and that have no version. Those of the C and C++ runtimes have one, those of libtorch have none.
/// </param>
internal sealed record ElfSymbols(HashSet<string> Defined, List<string> Needed)
{
    private const uint VersionSection = 0x6fffffff;
    private const uint DynamicSymbolSection = 11;
    private const int SymbolSize = 24;
    private const int WeakBinding = 2;

    /// <summary>Reads a library's symbols.</summary>
    /// <param name="path">Its file.</param>
    /// <exception cref="InvalidDataException">It is not such a file, or it is damaged.</exception>
    public static ElfSymbols Read(string path)
    {
        using FileStream file = File.OpenRead(path);
        try
        {
            return Read(file);
        }
        catch (Exception exception)
            when (exception
                    is EndOfStreamException
                        or ArgumentException
                        or OverflowException
                        or IndexOutOfRangeException
            )
        {
            throw new InvalidDataException($"{path} is not a whole library of a 64-bit Linux system.", exception);
        }
    }

    private static ElfSymbols Read(FileStream file)
    {
        byte[] header = Read(file, 0, 64);
        if (!header.AsSpan().StartsWith("\u007fELF"u8) || header[4] != 2 || header[5] != 1)
            throw new ArgumentException("Not a 64-bit little-endian ELF file.");
        int size = U16(header, 58);
        byte[] sections = Read(file, U64(header, 40), (ulong)size * U16(header, 60));
        byte[] symbols = [];
        byte[] names = [];
        byte[] versions = [];
        for (int section = 0; section < sections.Length; section += size)
        {
            switch (U32(sections, section + 4))
            {
                case DynamicSymbolSection:
                    symbols = Content(section);
                    names = Content(size * (int)U32(sections, section + 40));
                    break;
                case VersionSection:
                    versions = Content(section);
                    break;
            }
        }

        var defined = new HashSet<string>(StringComparer.Ordinal);
        var needed = new List<string>();
        for (int i = 1; i < symbols.Length / SymbolSize; i++)
        {
            int symbol = i * SymbolSize;
            bool isDefined = U16(symbols, symbol + 6) != 0;
            bool isWeak = symbols[symbol + 4] >> 4 == WeakBinding;
            bool hasVersion = versions.Length > 0 && (U16(versions, 2 * i) & 0x7fff) > 1;
            if (isDefined)
                _ = defined.Add(NameAt((int)U32(symbols, symbol)));
            else if (!isWeak && !hasVersion)
                needed.Add(NameAt((int)U32(symbols, symbol)));
        }

        return new ElfSymbols(defined, needed);

        byte[] Content(int section) => Read(file, U64(sections, section + 24), U64(sections, section + 32));

        string NameAt(int start) => Encoding.ASCII.GetString(names, start, names.AsSpan(start).IndexOf((byte)0));
    }

    private static byte[] Read(FileStream file, ulong offset, ulong size)
    {
        if (offset > (ulong)file.Length || size > (ulong)file.Length - offset)
            throw new EndOfStreamException();
        byte[] content = new byte[size];
        file.Position = (long)offset;
        file.ReadExactly(content);
        return content;
    }

    private static ushort U16(byte[] bytes, int offset) =>
        BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(offset));

    private static uint U32(byte[] bytes, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(offset));

    private static ulong U64(byte[] bytes, int offset) => BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(offset));
}

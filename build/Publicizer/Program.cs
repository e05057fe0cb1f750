using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

// Publicizer <output directory> <assembly>...
//
// Writes copies of assemblies to compile against in which what is internal is public and what is private protected is
// protected. Nothing but the flags of types, methods and fields changes; private stays private. The copies are never
// run: the runtime grants the same access through IgnoresAccessChecksToAttribute.
if (args.Length < 2)
{
    Console.Error.WriteLine("Usage: Publicizer <output directory> <assembly>...");
    return 1;
}

Directory.CreateDirectory(args[0]);
foreach (string assembly in args.Skip(1))
{
    byte[] image = File.ReadAllBytes(assembly);
    using (var portableExecutable = new PEReader(new MemoryStream(image, writable: false)))
        Publicize(image, portableExecutable);

    // A reader must never see half a file, and builds may run side by side.
    string target = Path.Combine(args[0], Path.GetFileName(assembly));
    string temporary = $"{target}.{Environment.ProcessId}";
    File.WriteAllBytes(temporary, image);
    File.Move(temporary, target, overwrite: true);
}
return 0;

static void Publicize(byte[] image, PEReader portableExecutable)
{
    MetadataReader metadata = portableExecutable.GetMetadataReader();
    int start = portableExecutable.PEHeaders.MetadataStartOffset;

    // Where a table's rows hold their flags (ECMA-335 II.22): TypeDef has a 4-byte field at 0, Field a 2-byte field at
    // 0, MethodDef one behind RVA (4 bytes) and ImplFlags (2 bytes). The visibility is in the lowest three bits.
    foreach (TypeDefinitionHandle handle in metadata.TypeDefinitions)
        Rewrite(TableIndex.TypeDef, MetadataTokens.GetRowNumber(handle), 0, 0x7, TypeVisibility);
    foreach (MethodDefinitionHandle handle in metadata.MethodDefinitions)
        Rewrite(TableIndex.MethodDef, MetadataTokens.GetRowNumber(handle), 6, 0x7, MemberVisibility);
    foreach (FieldDefinitionHandle handle in metadata.FieldDefinitions)
        Rewrite(TableIndex.Field, MetadataTokens.GetRowNumber(handle), 0, 0x7, MemberVisibility);

    void Rewrite(TableIndex table, int row, int offset, byte mask, Func<int, int> change)
    {
        int at = start + metadata.GetTableMetadataOffset(table) + (row - 1) * metadata.GetTableRowSize(table) + offset;
        image[at] = (byte)((image[at] & ~mask) | change(image[at] & mask));
    }
}

static int TypeVisibility(int visibility) =>
    (int)(
        (TypeAttributes)visibility switch
        {
            TypeAttributes.NotPublic => TypeAttributes.Public,
            TypeAttributes.NestedAssembly => TypeAttributes.NestedPublic,
            TypeAttributes.NestedFamANDAssem => TypeAttributes.NestedFamily,
            TypeAttributes other => other,
        }
    );

// Fields and methods share these three bits.
static int MemberVisibility(int visibility) =>
    (int)(
        (MethodAttributes)visibility switch
        {
            MethodAttributes.Assembly => MethodAttributes.Public,
            MethodAttributes.FamANDAssem or MethodAttributes.FamORAssem => MethodAttributes.Family,
            MethodAttributes other => other,
        }
    );

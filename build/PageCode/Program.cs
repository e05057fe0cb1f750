// PageCode PAGE: writes the program that the page's code makes to standard output.
using PageCode;

if (args is not [string path])
{
    Console.Error.WriteLine("PageCode takes the name of one page, a file of Markdown.");
    return 2;
}
if (Page.ToProgram(Path.GetFileName(path), File.ReadAllText(path)) is not string program)
{
    Console.Error.WriteLine($"{path} has no code.");
    return 1;
}
Console.WriteLine(program);
return 0;
